/** Cuts a document of either protocol, on the thread on which it is called. */
import type { AllowedFields } from '#core/contract/allowed-fields.ts'
import { type Cut, cutJson } from '#core/contract/cut-json.ts'
import { cutSoap } from '#core/contract/cut-soap.ts'

/** Why a document cannot be held against fields. */
export type Unreadable = { unreadable: string }

export type FieldQuestion = { protocol: 'REST' | 'SOAP'; bytes: Uint8Array; allowed: AllowedFields }

export async function cutDocument({ protocol, bytes, allowed }: FieldQuestion): Promise<Cut | Unreadable> {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return protocol === 'SOAP' ? cutSoap(whole, allowed) : cutJson(whole, allowed)
}
