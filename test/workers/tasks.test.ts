/** What no other file has as its share. */
import './task-faults.ts'
