/** The citizens' portal as a process: concordat portal --configuration file.yaml */
import { parseArgs } from 'node:util'
import { runWorker } from '#adapters/kit/serve-worker.ts'
import { portal } from './portal.ts'

const { values } = parseArgs({ options: { configuration: { type: 'string' } } })

await runWorker(portal, values.configuration ?? '', process.env)
