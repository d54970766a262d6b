/** The console of auditors on a security server. */
import { startConsole } from '../kit/start.tsx'
import { pages } from './pages.ts'

await startConsole({ name: 'auditor.name', pages })
