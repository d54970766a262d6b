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

t.test('a built program is ASCII, and says what its source says', async (t) => {
  const source = String.raw`
    const ключ = 'é\\é \é \\\é 𝄞'
    export const said = [ключ, ${'`…$'}{ключ}\…${'`'}, /^[…é]\–$/.test('…–'), /^.𝄞[𝄞]$/u.test('é𝄞𝄞'), { ключ }]
  `
  const root = path.join(import.meta.dirname, '..')
  const folder = t.testdir({ 'speaks.ts': source })
  const file = path.join(folder, 'speaks.ts')
  const outDir = path.join(folder, 'built')
  await writeBundle({ outDir, programs: [path.relative(root, file)] })
  const built = path.join(outDir, path.relative(root, file).replace(/ts$/, 'js'))
  const { said } = (await import(built)) as { said: unknown }
  t.match(readFileSync(built, 'utf8'), /^[\0-\x7f]+$/)
  t.same(said, ((await import(file)) as { said: unknown }).said)
  t.same(said, ['é\\é é \\é 𝄞', '…é\\é é \\é 𝄞…', true, true, { ключ: 'é\\é é \\é 𝄞' }])
})
