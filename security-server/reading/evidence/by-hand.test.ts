/**
 * The commands that a bundle's README.html shows, run as they stand there: whoever has public tools alone
 * must see what is forged.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { findProgram, skipFor } from '#test/outside-tools.ts'
import { shownInstead, unzipped, withAttachments } from './soap-verdict-fixture.ts'
import { createVerdictWorld, HOUR } from './verdict-fixture.ts'

const TOUR = path.join(import.meta.dirname, '../../../docs/tours/checking-evidence.md')
const PROGRAMS = ['xmlsec1', 'openssl', 'unzip']

const folder = mkdtempSync(path.join(tmpdir(), 'concordat-by-hand-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const { bundle } = await withAttachments(await createVerdictWorld(t, Date.now() - HOUR))
const commands = commandsIn((await unzipped(bundle)).get('README.html')!.toString())

t.test('the tour of the documents shows the same commands', async (t) => {
  t.ok(readFileSync(TOUR, 'utf8').includes(commands))
})

t.test('they show whether an attachment is what was signed', async (t) => {
  const missing = PROGRAMS.filter((name) => findProgram([name]) === undefined)
  if (missing.length > 0)
    return skipFor(t, `${missing.join(', ')} missing: apt-get install xmlsec1 openssl unzip`)
  const good = await run(bundle)
  t.same(notSigned(good), [])
  t.equal(good.split('\n').filter((line) => line === 'OK').length, 2, good)
  for (const part of ['message.xml', 'attachment1', 'attachment2', 'attachment3'])
    t.match(good, `"/${part}"><ds:DigestValue>`)
  t.match(good, 'Verification: OK')

  const forged = async (...shown: string[]) => notSigned(await run(await shownInstead(bundle, shown)))
  t.same(await forged('one', 'TWO', 'three', 'four'), ['attachment2', 'attachment4'], 'swapped, put in')
  t.same(
    await forged('two', 'one'),
    ['attachment1', 'attachment2', 'attachment3'],
    'in another order, left out',
  )
})

function commandsIn(page: string): string {
  const [, shown] = /<pre>(for c in [^<]*)<\/pre>/.exec(page)!
  const signs = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&amp;': '&' }
  return shown!.replace(/&(?:lt|gt|quot|amp);/g, (sign) => signs[sign as keyof typeof signs])
}

function notSigned(output: string): string[] {
  return [...output.matchAll(/^(\S+) is NOT what was signed$/gm)].map(([, part]) => part!)
}

/** What they print in a folder of its own, into which the bundle was unzipped. */
async function run(bytes: Buffer): Promise<string> {
  const own = mkdtempSync(path.join(folder, 'bundle-'))
  for (const [name, content] of await unzipped(bytes)) {
    mkdirSync(path.dirname(path.join(own, name)), { recursive: true })
    writeFileSync(path.join(own, name), content)
  }
  const { stdout, stderr } = spawnSync('sh', ['-c', `exec 2>&1\n${commands}`], { cwd: own, encoding: 'utf8' })
  return stdout + stderr
}
