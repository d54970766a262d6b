/**
 * Judges an archive: its chain of digests, every container and, if the archive contains our proofs, the
 * position of every record in the log, and whether answers answer their requests and metadata agree with
 * messages. A bad archive leads to a verdict, never to an exception.
 */
import { hash } from 'node:crypto'
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import type { ContainerVerdict } from '#core/container/container.ts'
import { readContainer } from '#core/container/read-container.ts'
import { verifyContainer } from '#core/container/verify-container.ts'
import { type BundleVerdict, MANIFEST, type RecordVerdict } from '#core/evidence-bundle/bundle.ts'
import { checkExchange } from '#core/evidence-bundle/check-exchange.ts'
import { overall, withProofs } from '#core/evidence-bundle/judge-bundle.ts'
import { judgeCheckpoints } from '#core/evidence-bundle/judge-checkpoints.ts'
import { judgeRecord, type Proofs, type ProvenRecord, proofsOf } from '#core/evidence-bundle/judge-record.ts'
import { parseManifest } from '#core/evidence-bundle/parse-manifest.ts'
import { checkFiles } from '#core/evidence-bundle/read-bundle.ts'
import { Fault } from '#schemas/fault.ts'
import { say } from '#schemas/said.ts'
import { ARCHIVE_INFO, ARCHIVE_LIMITS, type ArchiveInfo, parseArchiveInfo } from './archive.ts'
import { checkLinking, type Linked } from './check-linking.ts'
import { malformed } from './linking-info.ts'
import { type Archive, CONTAINER_NAME } from './read-archive.ts'

type ArchiveQuestion = {
  archive: Archive
  /** Last digest (hex) of the preceding archive, '' if there is none. Undefined: not checked. */
  previousDigest: string | undefined
  configuration: ReadonlyMap<string, ConfigurationIndex>
  /** The verifier's own instance, for containers without proofs of their log. */
  own?: string | undefined
  now: Date
}

type Verdict = Pick<ContainerVerdict, 'verdict' | 'subIndication' | 'reason'>

export type ArchiveVerdict = Verdict & {
  linking: Linked | undefined
  /** One verdict per container, for an archive without proofs. */
  containers: (Verdict & { name: string })[]
  /**
   * For an archive with proofs: the content of `archive.json`, base64 of the SHA-256 of `bundle.json`, and
   * the verdicts.
   */
  proved:
    | {
        log: string
        made: string
        info: ArchiveInfo
        manifest: string
        records: RecordVerdict[]
        checkpoints: BundleVerdict['checkpoints']
      }
    | undefined
}

export async function judgeArchive(q: ArchiveQuestion): Promise<ArchiveVerdict> {
  const found: Pick<ArchiveVerdict, 'linking' | 'containers' | 'proved'> = {
    linking: undefined,
    containers: [],
    proved: undefined,
  }
  try {
    const { files } = q.archive
    const hasContainers = [...files.keys()].some((name) => CONTAINER_NAME.test(name))
    const isOurs = files.has(MANIFEST)
    if (hasContainers || !isOurs) found.linking = checkLinking(q.archive, q.previousDigest)
    if (isOurs) {
      const { proved, proofs } = await judgeProofs(q)
      found.proved = proved
      return { ...found, ...withProofs(proofs, ofProofs(proved)) }
    }
    for (const [name, bytes] of files)
      if (CONTAINER_NAME.test(name)) found.containers.push({ name, ...(await judgeContainer(bytes, q)) })
    return { ...found, ...ofContainers(found.containers) }
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    const subIndication = thrown.code === 'invalid_proof' ? 'HASH_FAILURE' : 'FORMAT_FAILURE'
    return { ...found, verdict: 'TOTAL-FAILED', subIndication, reason: thrown.what ?? thrown.message }
  }
}

async function judgeProofs(
  q: ArchiveQuestion,
): Promise<{ proved: NonNullable<ArchiveVerdict['proved']>; proofs: Proofs }> {
  const files = new Map(q.archive.files)
  const bytes = files.get(MANIFEST)!
  files.delete(MANIFEST)
  const manifest = parseManifest(bytes, ARCHIVE_LIMITS)
  checkFiles(manifest, files)
  const info = files.get(ARCHIVE_INFO)
  if (info === undefined) throw malformed(say`archive.json is missing`)
  const shown = manifest.records.flatMap(({ container }) => (container === undefined ? [] : [container]))
  const stored = [...files.keys()].filter((name) => CONTAINER_NAME.test(name))
  // Otherwise a container could be part of the chain without being judged.
  if (shown.length !== stored.length || new Set(shown).size !== stored.length)
    throw malformed(say`a container that belongs to no record, or to two`)
  const question = { bundle: { manifest, files }, configuration: q.configuration, now: q.now }
  const proofs = proofsOf(question)
  const proven: ProvenRecord[] = []
  for (const record of manifest.records) proven.push(await judgeRecord(record, question, proofs))
  const byLeaf = new Map(proven.map((record) => [record.leaf, record]))
  const records: RecordVerdict[] = []
  for (const record of proven) {
    // The request of an answer may be in another archive. A receipt, which answers nothing, is compared with
    // its own leaf alone.
    const first = byLeaf.get(record.form.answers)
    records.push(await checkExchange(record, first === undefined ? [record] : [first, record]))
  }
  const proved = {
    log: manifest.log,
    made: manifest.made,
    info: parseArchiveInfo(info),
    manifest: hash('sha256', bytes, 'base64'),
    records,
    checkpoints: judgeCheckpoints(question, records, proofs.heads),
  }
  return { proved, proofs }
}

/**
 * A record without its message is a tombstone: only its position in the log is proved. Tombstones do not
 * lower the verdict on the other records.
 */
function ofProofs({ records, checkpoints }: NonNullable<ArchiveVerdict['proved']>): Verdict {
  const isTombstone = ({ subIndication }: RecordVerdict): boolean => subIndication === 'SIGNED_DATA_NOT_FOUND'
  const tombstones = records.filter(isTombstone).length
  const judged = records.filter((record) => !isTombstone(record))
  const verdict =
    judged.length === 0 ? overall(records.slice(0, 1), checkpoints) : overall(judged, checkpoints)
  if (verdict.verdict !== 'TOTAL-PASSED' || tombstones === 0) return verdict
  return {
    ...verdict,
    reason: `${verdict.reason} Of ${tombstones} records only the place in the log is proved.`,
  }
}

async function judgeContainer(bytes: Buffer, { configuration, own, now }: ArchiveQuestion): Promise<Verdict> {
  try {
    const { verdict, subIndication, reason } = await verifyContainer({
      container: await readContainer(bytes),
      ...{ configuration, own, now },
    })
    return { verdict, subIndication, reason }
  } catch (thrown) {
    if (!(thrown instanceof Fault)) throw thrown
    return { verdict: 'TOTAL-FAILED', subIndication: 'FORMAT_FAILURE', reason: thrown.message }
  }
}

function ofContainers(containers: ArchiveVerdict['containers']): Verdict {
  const worst =
    containers.find(({ verdict }) => verdict === 'TOTAL-FAILED') ??
    containers.find(({ verdict }) => verdict === 'INDETERMINATE')
  if (worst === undefined)
    return { verdict: 'TOTAL-PASSED', reason: 'The chain holds and every message verifies.' }
  const { name, verdict, subIndication, reason } = worst
  return { verdict, subIndication, reason: `${name}: ${reason}` }
}
