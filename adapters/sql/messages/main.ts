/** Rows as messages, as a process: concordat adapter sql-messages --configuration file.yaml */
import { parseArgs } from 'node:util'
import { runWorker } from '#adapters/kit/serve-worker.ts'
import { sqlMessages } from './worker.ts'

const { values } = parseArgs({ options: { configuration: { type: 'string' } } })

await runWorker(sqlMessages, values.configuration ?? '', process.env)
