/** Files as messages, as a process: concordat adapter file-messages --configuration file.yaml */
import { parseArgs } from 'node:util'
import { runWorker } from '#adapters/kit/serve-worker.ts'
import { fileMessages } from './worker.ts'

const { values } = parseArgs({ options: { configuration: { type: 'string' } } })

await runWorker(fileMessages, values.configuration ?? '', process.env)
