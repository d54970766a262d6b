/** The console of a registry's administrators. */
import { startConsole } from '../kit/start.tsx'
import { search } from './find.ts'
import { Guest } from './installation/guest.tsx'
import { contents } from './pages.ts'

await startConsole({ name: 'registry.name', contents, search, guest: Guest })
