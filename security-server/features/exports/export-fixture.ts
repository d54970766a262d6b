/** For tests only: reads the files of an export, and what `concordat verify` reports about it. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { ZipFile } from 'yazl'
import { openZip } from '#core/container/open-zip.ts'
import { Fault } from '#schemas/fault.ts'
import { judgeFile } from '#scripts/verify/judge-file.ts'
import { findProgram } from '#test/outside-tools.ts'

export async function filesOf(zip: Buffer): Promise<Map<string, Buffer>> {
  const opened = await openZip(zip, (what) => new Fault('malformed_bundle', { what }))
  const files = new Map<string, Buffer>()
  for await (const entry of opened.eachEntry())
    files.set(entry.fileName, await buffer(await opened.openReadStreamPromise(entry)))
  opened.close()
  return files
}

/** A ZIP file with these entries, in this order. */
export async function zipOf(files: Map<string, Buffer>): Promise<Buffer> {
  const zip = new ZipFile()
  for (const [name, bytes] of files) zip.addBuffer(bytes, name)
  zip.end()
  return buffer(zip.outputStream as Readable)
}

const SECOND = path.join(import.meta.dirname, '../../../test/second-verifier/verify_export.py')
const python = findProgram(['python3'])

/**
 * Returns the kind that `concordat verify` recognises, and its report for people. Judges by the configuration
 * inside the file.
 */
export async function verified(content: Buffer, at: number): Promise<[kind: string, text: string]> {
  const report = await judgeFile({ file: 'x', content, configuration: undefined, judgedAt: new Date(at) })
  if (typeof report === 'string') return ['none', report]
  if (report.kind === 'export' && python !== undefined) agree(content, report.text)
  return [report.kind, report.text]
}

/**
 * Throws unless the second verifier, which shares no code with this one, reports the same numbers of shown
 * and omitted records.
 */
function agree(content: Buffer, text: string): void {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'concordat-export-')), 'export.zip')
  try {
    writeFileSync(file, content)
    const { stdout } = spawnSync(python!, ['-B', SECOND, file], { encoding: 'utf8' })
    const second = JSON.parse(stdout) as Record<string, unknown>
    const said = `of ${Number(second['total'])} records ${second['shown']} are shown, ${second['ruledOut']} are proved not to fit, ${second['counted']} are ruled out by daily counts, ${second['open']} are not shown`
    const isFine = second['verdict'] !== 'TOTAL-FAILED'
    if (isFine !== !/Rows and filter: FAILS|^x: TOTAL-FAILED/m.test(text) || (isFine && !text.includes(said)))
      throw new Error(`the second verifier says ${stdout} of this export:\n${text}`)
  } finally {
    rmSync(path.dirname(file), { recursive: true })
  }
}
