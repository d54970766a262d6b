/**
 * The program of the page that verifies. It runs twice: in the page, which asks for files and shows results,
 * and in a worker, which verifies while the page stays responsive. Where there is neither (tests in Node) it
 * only exports `judgeUpload`.
 */
import { judgeUpload } from '../judge-upload.ts'
import { runPage } from './page.ts'
import { runWorker } from './worker.ts'

export { judgeUpload }

if (typeof document !== 'undefined') runPage()
else if ('WorkerGlobalScope' in globalThis) runWorker()
