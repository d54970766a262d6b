/**
 * The program of the page that verifies. It runs twice: on the page, which asks and shows, and in a worker, which judges
 * while the page stays awake. Where there is neither (tests in Node) it only gives `judgeUpload`.
 */
import { judgeUpload } from '../judge-upload.ts'
import { runPage } from './page.ts'
import { runWorker } from './worker.ts'

export { judgeUpload }

if (typeof document !== 'undefined') runPage()
else if ('WorkerGlobalScope' in globalThis) runWorker()
