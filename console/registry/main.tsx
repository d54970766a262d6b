/** The console of a registry's administrators. */
import { startConsole } from '../kit/start.tsx'
import { pages } from './pages.ts'

await startConsole({ name: 'registry.name', pages })
