/**
 * The events adapter as a process: concordat adapter events --configuration file.yaml, with --check to look
 * and begin nothing.
 */
import { parseArgs } from 'node:util'
import { probeWorker } from '#adapters/kit/probe-worker.ts'
import { runWorker } from '#adapters/kit/serve-worker.ts'
import { eventsAdapter, probeEvents } from './adapter.ts'

const { values } = parseArgs({ options: { configuration: { type: 'string' }, check: { type: 'boolean' } } })
const file = values.configuration ?? ''

if (values.check === true) process.exitCode = await probeWorker(eventsAdapter, probeEvents, file, process.env)
else await runWorker(eventsAdapter, file, process.env)
