/**
 * For tests only: runs the page's own program in Node, with the browser's counterparts inside, and the
 * command line for comparison.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { configurationOf } from '../configuration-files.ts'
import { judgeFile } from '../judge-file.ts'
import { buildPage } from './build-page.ts'
import type { judgeUpload } from './judge-upload.ts'

type BuiltPage = {
  judgeUpload: typeof judgeUpload
  /** The HTML file, in a folder of its own. */
  file: string
}

export async function builtPage(t: Pick<Test, 'teardown'>): Promise<BuiltPage> {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-page-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const { html, program } = await buildPage()
  const [file, module] = [path.join(folder, 'verify.html'), path.join(folder, 'verify.mjs')]
  writeFileSync(file, html)
  writeFileSync(module, program)
  const { judgeUpload } = (await import(module)) as Pick<BuiltPage, 'judgeUpload'>
  return { judgeUpload, file }
}

/**
 * `reason` and `subIndication` are those of the evidence as a whole, `records` of each record of a bundle.
 */
type Verdict = {
  verdict: string
  subIndication?: string
  reason?: string
  records?: { reason: string }[]
}

/**
 * Verifies the same evidence with the page and with the command line; the test fails unless both give the
 * same result.
 */
export async function compared(
  t: Test,
  page: BuiltPage,
  q: { name: string; bytes: Buffer; shared?: Buffer; at: number; previous?: string },
): Promise<Verdict> {
  const configuration = q.shared === undefined ? [] : [{ name: 'shared-params.xml', bytes: q.shared }]
  const judgement = await page.judgeUpload({
    evidence: { name: q.name, bytes: q.bytes },
    configuration,
    witnesses: undefined,
    previous: q.previous,
    judgedAt: q.at,
  })
  const { shared } = q
  const report = await judgeFile({
    file: q.name,
    content: q.bytes,
    configuration: shared === undefined ? undefined : () => configurationOf([shared], 'shared-params.xml'),
    previousDigest: q.previous === 'none' ? '' : q.previous,
    judgedAt: new Date(q.at),
  })
  const wanted = typeof report === 'string' ? { refused: report } : report
  const found = 'report' in judgement ? judgement.report : judgement
  t.same(found, JSON.parse(JSON.stringify(wanted)), `${q.name}: the page says the same`)
  return typeof report === 'string' ? { verdict: report } : (report.facts as Verdict)
}
