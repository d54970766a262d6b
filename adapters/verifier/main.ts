/** The verifier for services as a process: concordat verifier --configuration file.yaml */
import { parseArgs } from 'node:util'
import { runWorker } from '#adapters/kit/serve-worker.ts'
import { verifier } from './verifier.ts'

const { values } = parseArgs({ options: { configuration: { type: 'string' } } })

await runWorker(verifier, values.configuration ?? '', process.env)
