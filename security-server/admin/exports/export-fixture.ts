/** For tests only: what is in an export, and what `concordat verify` says of it. */
import { buffer } from 'node:stream/consumers'
import { openZip } from '#core/container/open-zip.ts'
import { Fault } from '#schemas/fault.ts'
import { judgeFile } from '#scripts/verify/judge-file.ts'

export async function filesOf(zip: Buffer): Promise<Map<string, Buffer>> {
  const opened = await openZip(zip, (what) => new Fault('malformed_bundle', { what }))
  const files = new Map<string, Buffer>()
  for await (const entry of opened.eachEntry())
    files.set(entry.fileName, await buffer(await opened.openReadStreamPromise(entry)))
  opened.close()
  return files
}

/** The kind that it is taken for, and the lines for people; judged by what it brings. */
export async function verified(content: Buffer, at: number): Promise<[kind: string, text: string]> {
  const report = await judgeFile({ file: 'x', content, configuration: undefined, judgedAt: new Date(at) })
  return report === 'configuration is missing' ? ['none', report] : [report.kind, report.text]
}
