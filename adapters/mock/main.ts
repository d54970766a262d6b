/** The mock as a process: concordat mock --description openapi.yaml */
import { createLog } from '#platform/logging/create-log.ts'
import { runProcess } from '#platform/process/run-process.ts'
import { readOptions } from './options.ts'
import { serveMock } from './serve-mock.ts'

const log = createLog({ name: 'mock', level: 'info' })

await runProcess({
  ...{ name: 'mock', log, heap: 'small' },
  start: async () => serveMock(readOptions(process.argv.slice(2)), log),
})
