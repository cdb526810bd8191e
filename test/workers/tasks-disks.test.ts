/** What copies and replaces disks. */
import './task-faults.ts'
