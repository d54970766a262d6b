/**
 * Runs built test files one after the other in this process, so that the modules they share are loaded, and compiled by V8, once. Each is a
 * subtest that is named as its argument, followed by the lines that a process of its own would end with.
 */
import { writeSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { default as current, runInProcess } from './current-file.ts'
import { processorMs } from './processor-time.ts'

const environment = { ...process.env }
for (const file of process.argv.slice(2)) {
  const before = processorMs()
  let counts = {}
  await runInProcess(file, () => {
    counts = current.counts
    return import(pathToFileURL(file).href)
  })
  const told = Object.entries(counts).filter(([kind, number]) => kind !== 'complete' && number !== 0)
  writeSync(1, `# { ${told.map(([kind, number]) => `${kind}: ${number}`).join(', ')} }\n`)
  writeSync(1, `# processor ${processorMs() - before} ms\n`)
  // For the next file the environment is as it was for this one.
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name]
  Object.assign(process.env, environment)
}
