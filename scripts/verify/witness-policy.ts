/** Reads a witness policy from a file that the user names. */
import { readFile } from 'node:fs/promises'
import { parseWitnessPolicy, type WitnessPolicy } from '#core/merkle/witness-policy.ts'
import { Fault } from '#schemas/fault.ts'

/** Throws `io_error` or `invalid_configuration`. */
export async function readWitnessPolicy(file: string): Promise<WitnessPolicy> {
  return parseWitnessPolicy(await witnessPolicyText(file))
}

export async function witnessPolicyText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Fault('io_error', { what: file, cause })
  })
}
