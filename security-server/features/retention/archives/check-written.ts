/**
 * Guarantees that the file, on disk or in the database, is the archive that was written: each entry is read
 * back and compared, and the chain of its linking information is computed again. Only then may the log erase
 * the content.
 */
import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { chainDigest, containerHash, LINKING_INFO, parseLinkingInfo } from '#core/archive/linking-info.ts'
import { CONTAINER_NAME } from '#core/archive/read-archive.ts'
import { openZip } from '#core/container/open-zip.ts'
import { openZipSource, type ZipSource } from '#core/container/open-zip-source.ts'
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'
import type { WrittenArchive } from './write-archive.ts'

/** Throws `malformed_archive`. Calls `rest` after each entry and waits for it. */
export async function checkWritten(
  file: string | ZipSource,
  written: WrittenArchive,
  rest: () => Promise<void>,
): Promise<void> {
  const zip = await (typeof file === 'string' ? openZip(file, unlike) : openZipSource(file, unlike))
  const linked: { name: string; digest: Buffer }[] = []
  let linkingInfo: Buffer | undefined
  let entries = 0
  try {
    for await (const entry of zip.eachEntry()) {
      const { fileName } = entry
      const sha256 = createHash('sha256')
      const sha512 = containerHash('SHA-512')
      const stream = await zip.openReadStreamPromise(entry)
      if (fileName === LINKING_INFO) {
        linkingInfo = await buffer(stream)
        sha256.update(linkingInfo)
      } else
        for await (const chunk of stream as AsyncIterable<Buffer>) {
          sha256.update(chunk)
          if (CONTAINER_NAME.test(fileName)) sha512.update(chunk)
        }
      if (sha256.digest('base64') !== written.digests.get(fileName))
        throw unlike(say`a file in it is another one: ${fileName}`)
      if (CONTAINER_NAME.test(fileName)) linked.push({ name: fileName, digest: sha512.digest() })
      entries++
      await rest()
    }
  } finally {
    zip.close()
  }
  if (entries !== written.digests.size || linked.length !== written.containers)
    throw unlike(say`it has more or fewer entries than were written`)
  if (linked.length > 0) checkChain(linkingInfo, linked, written.linkingDigest)
}

function checkChain(
  bytes: Buffer | undefined,
  linked: { name: string; digest: Buffer }[],
  lastDigest: string,
): void {
  const { previous, entries } = parseLinkingInfo(bytes ?? Buffer.alloc(0))
  let digest = previous.digest
  for (const [i, one] of linked.entries()) {
    digest = chainDigest('SHA-512', digest, one.digest)
    if (entries[i]?.name !== one.name || entries[i].digest !== digest)
      throw unlike(say`its chain differs at the container ${one.name}`)
  }
  if (entries.length !== linked.length || digest !== lastDigest) throw unlike(say`the end of its chain`)
}

function unlike(what: Word, cause?: unknown): Fault {
  return new Fault('malformed_archive', { what: say`as its file was read back: ${what}`, cause })
}
