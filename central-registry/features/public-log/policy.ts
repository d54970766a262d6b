/** Reads the witnesses of the registry's log from the operator's policy file. Every quorum must need a witness that somebody else runs. */
import { readFile } from 'node:fs/promises'
import { meetsPolicy, parseWitnessPolicy, type WitnessPolicy } from '#core/merkle/witness-policy.ts'
import { Fault } from '#schemas/fault.ts'

/** Throws `invalid_configuration` when a witness has no address, or those at our own addresses would suffice. */
export async function readPublicLogPolicy(
  file: string,
  ownUrls: readonly string[],
): Promise<{ text: string; policy: WitnessPolicy }> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Fault('invalid_configuration', { what: `${file} cannot be read`, cause })
  })
  const policy = parseWitnessPolicy(text)
  for (const { label, url = '' } of policy.witnesses)
    if (!/^https?:\/\/[^\s?#]+$/.test(url) || !URL.canParse(url)) throw invalid(`${label} has no address`)
  const own = policy.witnesses.filter(({ url = '' }) => ownUrls.some((one) => isOf(one, url)))
  if (policy.quorum === undefined || meetsPolicy(policy, new Set(own.map(({ label }) => label))))
    throw invalid('its quorum has to need a witness that another operator runs')
  return { text, policy }
}

function isOf(own: string, url: string): boolean {
  return URL.canParse(own) && new URL(own).host === new URL(url).host
}

function invalid(what: string): Fault {
  return new Fault('invalid_configuration', { what: `witness policy: ${what}` })
}
