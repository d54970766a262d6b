/**
 * Files that settings name: secrets that others could read, certificates that end or do not fit their key.
 */
import { X509Certificate } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { asFault } from '#schemas/fault.ts'
import { type Finding, toDo, well, whyOf } from './finding.ts'
import type { Setting } from './settings.ts'

const SECRET = /(?:key|pin|secret|password|mac|redisUrl)File$/i
/** The server writes these itself. */
const WRITTEN = /(?:initialApiKey|claimCode|firstCode|secondCode)File$/
const CERTIFICATE = /certificateFile$/i
const DAY_MS = 86_400_000
const SOON_DAYS = 30

export async function lookAtFiles(settings: Setting[]): Promise<Finding[]> {
  const files = settings.filter(({ name }) => /File$/.test(name) && !WRITTEN.test(name))
  const found = await Promise.all(
    files.map(async (one): Promise<Finding> => {
      if (CERTIFICATE.test(one.name)) return certificate(one, keyBeside(one, settings))
      return SECRET.test(one.name) ? secret(one) : plain(one)
    }),
  )
  return [...found, ...(await Promise.all(passwordFiles(settings).map(secret)))]
}

async function secret({ name, value }: Setting): Promise<Finding> {
  try {
    await readSecret(value)
    return well(name, value)
  } catch (thrown) {
    const { what, message } = asFault(thrown)
    return toDo(name, String(what ?? message), `make ${value} a file of the server's user with mode 0600`)
  }
}

async function plain({ name, value }: Setting): Promise<Finding> {
  try {
    await readFile(value)
    return well(name, value)
  } catch (thrown) {
    return toDo(
      name,
      `${value} cannot be read (${whyOf(thrown)})`,
      'put the file there, readable for the server',
    )
  }
}

async function certificate({ name, value }: Setting, key: string | undefined): Promise<Finding> {
  let pem: Buffer
  try {
    pem = await readFile(value)
  } catch (thrown) {
    return toDo(name, `${value} cannot be read (${whyOf(thrown)})`, 'put the certificate there, as PEM')
  }
  try {
    const { validFromDate, validToDate, subject } = new X509Certificate(pem)
    const days = Math.floor((validToDate.getTime() - Date.now()) / DAY_MS)
    const until = `${subject.replaceAll('\n', ', ')} until ${validToDate.toISOString().slice(0, 10)}`
    if (days < 0) return toDo(name, `${until}: it has ended`, 'renew the certificate')
    if (validFromDate.getTime() > Date.now())
      return toDo(
        name,
        `${subject}: it holds from ${validFromDate.toISOString()} on`,
        'look at the clock, or wait',
      )
    if (key !== undefined) createSecureContext({ cert: pem, key: await readFile(key) })
    if (days < SOON_DAYS) return toDo(name, `${until}: ${days} days are left`, 'renew the certificate')
    return well(name, until)
  } catch (thrown) {
    return toDo(
      name,
      `${value}: ${(thrown as Error).message.split('\n')[0]}`,
      'give a PEM certificate, and the key that belongs to it',
    )
  }
}

/** The key of the same listener. */
function keyBeside({ name }: Setting, settings: Setting[]): string | undefined {
  if (!/(?:^|\.)(?:rsaC|c)ertificateFile$/.test(name)) return undefined
  const wanted = name.replace(/CertificateFile$/, 'KeyFile').replace(/certificateFile$/, 'keyFile')
  return settings.find((one) => one.name === wanted)?.value
}

/** Those that addresses of databases name. */
function passwordFiles(settings: Setting[]): Setting[] {
  return settings.flatMap(({ name, value }) => {
    const file = /^postgres/.test(value) ? URL.parse(value)?.searchParams.get('passwordFile') : undefined
    return file == null ? [] : [{ name: `${name}, passwordFile`, value: file }]
  })
}

/** A folder with keys must be closed to others. */
export async function lookAtFolder({ name, value }: Setting): Promise<Finding> {
  try {
    const { mode, uid, gid } = await stat(value)
    // A volume of Kubernetes belongs to the group of the pod (fsGroup). With other modes it would be given to
    // the group anew, files too.
    const isOfOurGroup = gid === process.getegid?.() || process.getgroups?.().includes(gid) === true
    const isVolume = uid === 0 && isOfOurGroup && process.getuid?.() !== 0
    if ((mode & (isVolume ? 0o002 : 0o022)) !== 0)
      return toDo(name, `${value} can be written by others`, `chmod 700 ${value}`)
    const own = process.getuid?.()
    return own === undefined || own === 0 || uid === own || isVolume
      ? well(name, value)
      : toDo(
          name,
          `${value} belongs to user ${uid}, and this is user ${own}`,
          'run this command as the user of the server',
        )
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT')
      return well(name, `${value} is made at the first start`)
    return toDo(name, `${value} cannot be looked at (${whyOf(thrown)})`, 'let the user of the server own it')
  }
}
