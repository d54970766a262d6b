/** The thread of the message log: appending, and the parts listed in log-parts.ts. */
import { LOG_PARTS } from './log-parts.ts'
import { runLogThread } from './message-log/worker.ts'

void runLogThread(LOG_PARTS)
