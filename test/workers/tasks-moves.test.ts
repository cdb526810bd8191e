/** From one host or size to another. */
import './task-faults.ts'
