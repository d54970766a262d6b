/**
 * What one stack of the test wallet does: it issues a credential, and presents it for a request, wrongly on
 * demand.
 */
import type { KeyPair } from '#core/certificate/certificate-fixture.ts'
import type { JsonObject } from '#core/presentation/json.ts'
import type { Authority } from './authority.ts'

export type IssueRecipe = {
  authority: Authority
  holder: KeyPair
  /** Each can be disclosed alone. */
  attributes: Record<string, unknown>
  type?: string
  status?: { idx: number; uri: string }
  /** Signs in place of the authority's key, whose certificates stand beside it all the same. */
  signer?: KeyPair
  chain?: Buffer[]
  validUntil?: Date
  validFrom?: Date
  /** Further members of the holder's key; none is needed. */
  cnf?: Record<string, unknown>
}

export type PresentRecipe = {
  /** The claims of the request object. */
  request: JsonObject
  disclose: string[]
  holder: KeyPair
  signedAt: Date
  /** What the holder signs in place of the request's own values. */
  nonce?: string
  audience?: string
  signer?: KeyPair
  transactionHashes?: string[]
}

export type Stack<Held> = {
  name: string
  format: 'dc+sd-jwt' | 'mso_mdoc'
  issue(recipe: IssueRecipe): Promise<Held>
  present(held: Held, recipe: PresentRecipe): Promise<string>
}
