/** Turning servers on, off and over, and holding them. */
import './task-faults.ts'
