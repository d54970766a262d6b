/** For tests only: an evidence bundle from a log of five records, and its bytes. */
import { createHmac, generateKeyPairSync, hash, randomBytes, sign } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import { publicKeyOf } from '#core/certificate/certificate.ts'
import type { ContainerParts } from '#core/container/container.ts'
import { AT, body, NOW, parts, STAMPED, written } from '#core/container/container-fixture.ts'
import { zipOf } from '#core/container/zip-fixture.ts'
import { newEvidenceRecord } from '#core/evidence-record/write-evidence-record.ts'
import { addSignature, memberSignatureLine, signNote, writeCheckpoint } from '#core/merkle/checkpoint.ts'
import { createCompactRange } from '#core/merkle/compact-range.ts'
import { leafHash } from '#core/merkle/hash.ts'
import { commit, type LeafFields, leafForm } from '#core/merkle/leaf-form.ts'
import { inclusionProof } from '#core/merkle/proofs.ts'
import { noteText } from '#core/merkle/signed-note.ts'
import * as F from '#core/signature/signature-fixture.ts'
import { refusalStatement } from '#core/transport/refusal-statement.ts'
import { parseRestRequest } from '#core/transport/rest-request.ts'
import { writeRestResponse } from '#core/transport/rest-response.ts'
import { idText } from '#schemas/identifiers.ts'
import { type BundleManifest, type BundleRecord, MANIFEST } from './bundle.ts'
import { batchBytes, encodeEvidence } from './stamp-batch.ts'
import { stampedNote } from './stamped-note.ts'

/** The request, to the signing member, that the fixture's reply answers. */
const REPLIED = Buffer.from(
  F.REQUEST.toString().replace('GOLD/GOV/5678/tax/persons', 'GOLD/GOV/1234/population/persons'),
)

export const LOG = 'GOLD/GOV/1234/ss1'
const logKey = generateKeyPairSync('ed25519').privateKey

export type Made = { manifest: BundleManifest; files: Map<string, Buffer> }

/**
 * Makes a bundle from a log of a few records: one request and the refusal that answers it, signed or in the
 * log's record only.
 */
export async function make(
  o: {
    signer?: F.Identity
    cameAlong?: boolean
    metadata?: object
    /** The request hash of a reply that replaces the refusal. */
    reply?: string
    erasure?: boolean
    /** Whether there is an evidence record over the tree head, and its time. */
    evidenceRecord?: boolean
    proven?: Date
    /** OCSP answers stored with the time-stamps. */
    kept?: Buffer[]
    refusedBy?: { service: string; peer: string; requestId?: string; requestHash?: string }
    /** A statement in place of the refusal's, in a record that says that the outcome is unknown. */
    fault?: Buffer
  } = {},
): Promise<Made> {
  const container = await parts()
  const signed = container.signatures
  const metadata = Buffer.from(
    JSON.stringify({
      client: 'GOLD/GOV/1234/population',
      ...{ id: 'GOLD-1', node: 'n', requestId: '3f0fd6f0-5bd7-4b69-9f3e-bd4dd87e9ba1' },
      service: 'GOLD/GOV/5678/tax/persons',
      ...o.metadata,
    }),
  )
  const { service, peer, requestId = 'r', requestHash = '' } = o.refusedBy ?? {}
  const asked = parseRestRequest(REPLIED)
  const replyFacts = {
    client: idText(asked.client),
    id: 'GOLD-1',
    requestId: 'r',
    service: idText(asked.service),
  }
  const answer = Buffer.from(
    JSON.stringify({
      answers: 1,
      ...(o.reply === undefined ? { id: '7', peer, requestId: 'r', service } : replyFacts),
      node: 'n',
    }),
  )
  const fault = { type: 'server.serverproxy.access_denied', message: 'no', detail: 'd' }
  const reply = (requestHash: string): Buffer =>
    writeRestResponse({
      ...{ status: 200, reason: 'OK', headers: [], request: { ...asked, id: 'GOLD-1' } },
      ...{ requestId: 'r', requestHash },
    })
  const refusal = (): Buffer => refusalStatement({ requestId, requestHash, fault })
  const statement = o.fault ?? (o.reply === undefined ? refusal() : reply(o.reply))
  const isSigned = o.refusedBy !== undefined || o.reply !== undefined
  const refusalContainer = isSigned ? await parts({ message: statement, bodies: [] }) : undefined
  const [salt, otherSalt] = [randomBytes(32), randomBytes(32)]
  const sha512 = (bytes: Buffer): Buffer => hash('sha512', bytes, 'buffer')
  const base64 = (bytes: Buffer): string => bytes.toString('base64')
  const committed = (label: 'parties' | 'message' | 'body', by: Buffer, bytes: Buffer): string =>
    base64(commit(label, by, sha512(bytes)))
  const common = { version: 1, contract: '', fields: '', logLevel: 'full' } as const
  const request: LeafFields = {
    ...common,
    ...{ kind: 'request', direction: 'out', time: AT.toISOString(), outcome: '', answers: '' },
    parties: committed('parties', salt, metadata),
    message: committed('message', salt, container.message),
    body: committed('body', salt, body),
    signature: base64(sha512(signed)),
  }
  const first = leafForm(request)
  const second = leafForm({
    ...common,
    ...(o.fault !== undefined
      ? ({ kind: 'outcome-unknown', outcome: 'peer_fault' } as const)
      : o.reply === undefined
        ? ({ kind: 'refusal', outcome: 'access_denied' } as const)
        : ({ kind: 'reply', outcome: 'ok' } as const)),
    ...{ direction: 'in', time: STAMPED.toISOString() },
    message: refusalContainer === undefined ? '' : committed('message', otherSalt, statement),
    body: '',
    signature: refusalContainer === undefined ? '' : base64(sha512(refusalContainer.signatures)),
    parties: committed('parties', otherSalt, answer),
    answers: base64(leafHash(Buffer.from(first))),
  })
  const erasure = leafForm({
    ...common,
    ...{
      kind: 'erasure',
      direction: '',
      time: NOW.toISOString(),
      outcome: '',
      contract: '',
      logLevel: 'digest',
    },
    ...{ message: '', body: '', signature: '', parties: committed('parties', otherSalt, Buffer.from('{}')) },
    answers: base64(leafHash(Buffer.from(first))),
  })
  const stamps = [container, refusalContainer].flatMap((one) =>
    one === undefined ? [] : [stampRecord(one, salt, o.kept)],
  )
  const forms = ['{"something":"else"}', first, second, erasure, ...stamps.map(({ form }) => form)]
  const leaves = forms.map((form) => leafHash(Buffer.from(form)))
  const rootOf = (from: number, to: number): Buffer => {
    const range = createCompactRange()
    for (const leaf of leaves.slice(from, to)) range.append(leaf)
    return range.root()
  }
  const draft = writeCheckpoint({ origin: LOG, size: leaves.length, root: rootOf(0, leaves.length) })
  const byLog = signNote(draft, LOG, logKey)
  const who = o.signer ?? F.signer
  const value = sign('sha512', Buffer.from(noteText(byLog)), { key: who.key, dsaEncoding: 'ieee-p1363' })
  const publicKey = publicKeyOf(who.certificate)
  const checkpoint = addSignature(byLog, memberSignatureLine('GOLD/GOV/1234', publicKey, value))
  const proof = async (index: number): Promise<string[]> =>
    (
      await inclusionProof(leaves.length, index, (level, number) =>
        rootOf(number << level, (number + 1) << level),
      )
    ).map(base64)
  const open = (label: string, by: Buffer, bytes: Buffer) => ({
    key: createHmac('sha256', by).update(label).digest('base64'),
    digest: base64(sha512(bytes)),
  })
  const along = F.freshSigner(NOW)
  const files = new Map<string, Buffer>([
    ['checkpoints/5.txt', Buffer.from(checkpoint)],
    ['records/1/metadata.json', metadata],
    ['records/1/signatures.xml', signed],
    ['records/1/message.asice', await written(container)],
    ['records/2/metadata.json', answer],
    ...(refusalContainer === undefined
      ? []
      : [
          ['records/2/signatures.xml', refusalContainer.signatures] as [string, Buffer],
          ['records/2/message.asice', await written(refusalContainer)] as [string, Buffer],
        ]),
    ['README.html', Buffer.from('<!doctype html>')],
    ['configuration/GOLD/shared-params.xml', Buffer.from('<x/>')],
    ...(o.cameAlong === true
      ? [
          ['signer/0.der', along.certificate.der] as [string, Buffer],
          ['signer/1.der', F.intermediate.certificate.der] as [string, Buffer],
          ...along.ocspResponses.map((one, i): [string, Buffer] => [`signer/ocsp-${i}.der`, one]),
        ]
      : []),
  ])
  const records: BundleRecord[] = [
    {
      index: 1,
      form: first,
      path: await proof(1),
      checkpoint: 'checkpoints/5.txt',
      openings: {
        parties: open('parties', salt, metadata),
        message: open('message', salt, container.message),
        body: open('body', salt, body),
      },
      metadata: 'records/1/metadata.json',
      signatures: 'records/1/signatures.xml',
      container: 'records/1/message.asice',
    },
    {
      index: 2,
      form: second,
      path: await proof(2),
      checkpoint: 'checkpoints/5.txt',
      openings: {
        parties: open('parties', otherSalt, answer),
        ...(refusalContainer && { message: open('message', otherSalt, statement) }),
      },
      metadata: 'records/2/metadata.json',
      ...(refusalContainer && {
        signatures: 'records/2/signatures.xml',
        container: 'records/2/message.asice',
      }),
    },
    ...(o.erasure === true
      ? [{ index: 3, form: erasure, path: await proof(3), checkpoint: 'checkpoints/5.txt', openings: {} }]
      : []),
  ]
  const named = (end: string): string[] =>
    [...files.keys()].filter(
      (name) => name.startsWith('signer/') && end === (name.includes('ocsp') ? 'ocsp' : 'certificate'),
    )
  if (o.evidenceRecord !== false) {
    const token = F.timeStamp(stampedNote(checkpoint, LOG), o.proven ?? NOW)
    if (o.signer === undefined)
      for (const [i, answer] of F.freshSigner(o.proven ?? NOW).ocspResponses.entries())
        files.set(`status-${i}`, answer)
    files.set('evidence-record.der', newEvidenceRecord({ digest: 'SHA-512', lists: [], token }))
  }
  return {
    manifest: {
      version: 1,
      log: LOG,
      made: NOW.toISOString(),
      records,
      timeStamps: await Promise.all(
        stamps.map(async ({ form, entry }, i) => ({
          ...{ index: 4 + i, form, path: await proof(4 + i), checkpoint: 'checkpoints/5.txt' },
          ...entry(files, `time-stamps/${4 + i}`),
        })),
      ),
      evidenceRecords:
        o.evidenceRecord === false
          ? []
          : [
              {
                ...{ checkpoint: 'checkpoints/5.txt', record: 'evidence-record.der' },
                ...{
                  certificates: [],
                  ocspResponses: o.signer === undefined ? ['status-0', 'status-1'] : [],
                },
              },
            ],
      checkpointSigner: { certificates: named('certificate'), ocspResponses: named('ocsp') },
      configuration: ['configuration/GOLD/shared-params.xml'],
      files: {},
    },
    files,
  }
}

/** The log's record of a container's time-stamp, and its entry in a manifest; adds the files of the entry. */
function stampRecord(container: ContainerParts, salt: Buffer, ocspResponses: Buffer[] = []) {
  const sha512 = (bytes: Buffer): Buffer => hash('sha512', bytes, 'buffer')
  const [token, digests] = [container.timestampToken!, sha512(container.signatures)]
  const result = container.timestampHashChainResult!
  const certificates = [F.tsa.certificate.der]
  const evidence = encodeEvidence({ certificates, ocspResponses })
  const batch = batchBytes({ ...{ first_id: 1, last_id: 2, digests, evidence }, hash_chain_result: result })
  const open = (label: string, digest: Buffer) => ({
    key: createHmac('sha256', salt).update(label).digest('base64'),
    digest: digest.toString('base64'),
  })
  const form = leafForm({
    ...{ version: 1, kind: 'time-stamp', direction: '', time: STAMPED.toISOString(), outcome: '' },
    ...{ contract: '', fields: '', logLevel: 'digest', answers: '', signature: '', parties: '' },
    message: commit('message', salt, sha512(token)).toString('base64'),
    body: commit('body', salt, sha512(batch)).toString('base64'),
  })
  const entry = (files: Map<string, Buffer>, folder: string) => {
    const add = (name: string, bytes: Buffer): string => {
      files.set(`${folder}/${name}`, bytes)
      return `${folder}/${name}`
    }
    return {
      openings: { message: open('message', sha512(token)), body: open('body', sha512(batch)) },
      ...{ firstId: 1, lastId: 2, token: add('token.tst', token), digests: add('digests.bin', digests) },
      hashChainResult: add('result.xml', result),
      certificates: certificates.map((der, i) => add(`certificate-${i}.der`, der)),
      ocspResponses: ocspResponses.map((der, i) => add(`ocsp-${i}.der`, der)),
    }
  }
  return { form, entry }
}

/**
 * The bytes of the bundle. Digests in the manifest are those of the current entries unless `digests`
 * overrides them.
 */
export function bytesOf({ manifest, files }: Made, digests: Record<string, string> = {}): Buffer {
  const own = [...files].map(([name, bytes]) => [name, hash('sha256', bytes, 'base64')])
  const complete = { ...manifest, files: { ...Object.fromEntries(own), ...digests } }
  return zipOf([
    ...[...files].map(([name, data]) => ({ name, data })),
    { name: MANIFEST, data: canonicalJson(complete) },
  ])
}
