/**
 * The authority's keys and certificates in one directory: private keys as PEM, readable by their owner only.
 * All files appear at once or not at all, and never replace existing ones.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type Certificate, readCertificate } from '#core/certificate/certificate.ts'
import { Fault } from '#schemas/fault.ts'
import { pemOf } from './pem.ts'

const ROLES = ['root', 'intermediate', 'ocsp-responder', 'tsa'] as const
export type Role = (typeof ROLES)[number]
export type Identities = Record<Role, { certificate: Certificate; privateKey: KeyObject }>

export const LEDGER_FILE = 'issued.jsonl'
const FACTS_FILE = 'authority.json'

/**
 * The identities in `directory`; undefined if it is empty or missing. Throws `invalid_configuration` if they
 * belong to another instance.
 */
export async function readIdentities(directory: string, instance: string): Promise<Identities | undefined> {
  const names = await readdir(directory).catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return [] as string[]
    throw failed(directory, 'cannot be read', thrown)
  })
  if (names.length === 0) return undefined
  if (!names.includes(FACTS_FILE)) throw failed(directory, 'holds something that is not an authority')
  try {
    const facts = JSON.parse(await readFile(path.join(directory, FACTS_FILE), 'utf8')) as {
      instance?: unknown
    }
    if (facts.instance !== instance) throw failed(directory, `belongs to another instance than ${instance}`)
    const found = await Promise.all(
      ROLES.map(async (role) => [role, await readIdentity(directory, role)] as const),
    )
    return Object.fromEntries(found) as Identities
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown
    throw failed(directory, 'is damaged', thrown)
  }
}

async function readIdentity(directory: string, role: Role): Promise<Identities[Role]> {
  const keyFile = path.join(directory, `${role}.key.pem`)
  if (((await stat(keyFile)).mode & 0o077) !== 0) throw failed(keyFile, 'can be read by others: chmod 600')
  return {
    privateKey: createPrivateKey(await readFile(keyFile)),
    certificate: readCertificate(await readFile(path.join(directory, `${role}.pem`))),
  }
}

/** Writes a new authority. The parent of `directory` must exist. */
export async function writeIdentities(
  directory: string,
  instance: string,
  identities: Identities,
): Promise<void> {
  const fresh = `${directory}.new-${process.pid}`
  try {
    await rm(fresh, { recursive: true, force: true })
    await mkdir(fresh, { mode: 0o700 })
    for (const role of ROLES) {
      const { certificate, privateKey } = identities[role]
      const key = privateKey.export({ format: 'pem', type: 'pkcs8' })
      await writeFile(path.join(fresh, `${role}.key.pem`), key, { mode: 0o600, flush: true })
      await writeFile(path.join(fresh, `${role}.pem`), pemOf(certificate), { flush: true })
    }
    await writeFile(path.join(fresh, FACTS_FILE), JSON.stringify({ instance }), { flush: true })
    // Replaces an empty directory, and fails if it is not empty.
    await rename(fresh, directory)
    await chmod(directory, 0o700)
  } catch (thrown) {
    throw failed(directory, 'cannot be written', thrown)
  }
}

function failed(place: string, why: string, cause?: unknown): Fault {
  return new Fault('invalid_configuration', { what: `${place} ${why}`, cause })
}
