/** The console of a registry's administrators. */
import { startConsole } from '../kit/start.tsx'
import { Guest } from './installation/guest.tsx'
import { pages } from './pages.ts'

await startConsole({ name: 'registry.name', pages, guest: Guest })
