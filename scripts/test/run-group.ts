/**
 * Runs built test files one after the other in this process, so that the modules they share are loaded, and
 * compiled by V8, once. Each is a subtest, followed by the lines that a process of its own would end with.
 * TEST_FILES names them: arguments would be part of the names of tap's folders for tests.
 */
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import tap from 'tap'
import { default as current, runInProcess, wholeProcess } from './current-file.ts'
import { processorMs } from './processor-time.ts'

const root = path.join(path.dirname(process.argv[1]!), '../..')
const files = process.env['TEST_FILES']!.split(path.delimiter)
delete process.env['TEST_FILES']
const environment = { ...process.env }
for (const file of files) {
  const before = processorMs()
  let counts = {}
  await runInProcess(file, () => {
    counts = current.counts
    return import(pathToFileURL(path.join(root, file.replace(/\.ts$/, '.js'))).href)
  })
  // The last file tells also what took the processes that all shared.
  if (file === files.at(-1)) await wholeProcess.end()
  const told = Object.entries(counts).filter(([kind, number]) => kind !== 'complete' && number !== 0)
  // Through tap, which may still be writing what the file told.
  tap.comment(`{ ${told.map(([kind, number]) => `${kind}: ${number}`).join(', ')} }`)
  tap.comment(`processor ${processorMs() - before} ms`)
  // For the next file the environment is as it was for this one.
  for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name]
  Object.assign(process.env, environment)
}
