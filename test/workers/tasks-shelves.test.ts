/** Putting servers away and bringing them back. */
import './task-faults.ts'
