/** The message log's thread: what appends, with the parts above it. */
import { LOG_PARTS } from './log-parts.ts'
import { runLogThread } from './message-log/worker.ts'

void runLogThread(LOG_PARTS)
