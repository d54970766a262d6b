/** The console of an agency: of those who operate its security server, and of its auditors. */
import { startConsole } from '../kit/start.tsx'
import { Guest } from './claim/guest.tsx'
import { search } from './find.ts'
import { contents } from './pages.ts'

await startConsole({ name: 'agency.name', contents, search, guest: Guest })
