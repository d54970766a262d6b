import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { writeBundle } from './build.ts'

t.test('a builder that was built writes what its source writes', async (t) => {
  const folder = t.testdir()
  const writes = async (of: typeof writeBundle, name: string): Promise<string> => {
    const outDir = path.join(folder, name)
    await of({ outDir, programs: ['scripts/build.ts'] })
    return path.join(outDir, 'scripts/build.js')
  }
  const built = await writes(writeBundle, 'first')
  const { writeBundle: again } = (await import(built)) as { writeBundle: typeof writeBundle }
  t.equal(readFileSync(await writes(again, 'second'), 'utf8'), readFileSync(built, 'utf8'))
})
