/**
 * The PIN of a security server whose token is made at the first start: the policy of the settings may refuse
 * it, and the server runs without keys.
 */
import { access } from 'node:fs/promises'
import path from 'node:path'
import { readSecret } from '#platform/configuration/read-secret.ts'
import { asFault } from '#schemas/fault.ts'
import { checkNewPin, type PinPolicy } from '#security-server/keys/pin-policy.ts'
import { type Finding, toDo } from './finding.ts'

type Settings = { directory: string; pinFile?: string; pinPolicy?: PinPolicy; nodes?: object }

export async function lookAtNewPin(settings: object): Promise<Finding[]> {
  const { directory, pinFile, pinPolicy, nodes } = settings as Settings
  if (pinFile === undefined || pinPolicy === undefined || nodes !== undefined) return []
  const isMade = await access(path.join(directory, 'keys/token.json')).then(
    () => true,
    (thrown: NodeJS.ErrnoException) => thrown.code !== 'ENOENT',
  )
  // A secret that cannot be read is told among the files.
  const pin = isMade ? undefined : await readSecret(pinFile).catch(() => undefined)
  if (pin === undefined) return []
  try {
    checkNewPin(pin, pinPolicy)
    return []
  } catch (thrown) {
    return [
      toDo('pinFile, content', String(asFault(thrown).what), 'write another PIN: openssl rand -base64 32'),
    ]
  }
}
