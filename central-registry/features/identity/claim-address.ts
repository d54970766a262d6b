/**
 * Guarantees that all DIDs of a register are made of one address, whatever node writes them and however often
 * it starts. The first start claims the address in the database, beside the public halves of the identity
 * keys; a start with another one is refused.
 */
import { webName } from '#core/did/web-name.ts'
import { Fault } from '#schemas/fault.ts'
import type { ClaimKeys } from '../../configuration/identity-keys/key-files.ts'

const CLAIM = 'address'

/**
 * Returns the address without a slash at its end, always with https: whoever resolves a DID asks there. `did`
 * is the instance's did:webvh, if it has one. Throws `invalid_configuration`.
 */
export async function claimAddress(q: {
  url: string
  claims: Pick<ClaimKeys, 'claim'>
  did: string | undefined
}): Promise<string> {
  const name = webName(q.url, [])
  const known = q.did?.split(':').slice(3).join(':') ?? name
  const owner = known === name ? await q.claims.claim(CLAIM, name) : known
  if (owner !== name)
    throw new Fault('invalid_configuration', {
      what: `the DIDs of this register are those of ${owner}, not of ${name}: name the address ${addressOf(owner)} as identity.url on every node`,
    })
  return addressOf(name)
}

function addressOf(name: string): string {
  return `https://${name.split(':').map(decodeURIComponent).join('/')}`
}
