/**
 * Gives the code of a letter in at the system that sent it. Guarantees that who guesses learns nothing:
 * whatever is wrong is said alike.
 */
import { isObject } from '../asking/read-usages.ts'
import type { Door } from './door.ts'
import { OFFERS, readOffer } from './read-offers.ts'

const CODE = /^[\x20-\x7e]{8,40}$/

/** `named` says which offer it opened. */
type Given = { named: URLSearchParams } | { problem: string; status: number }

export async function giveIn(
  { form, systems, reader: { words }, ask }: Pick<Door, 'form' | 'systems' | 'reader' | 'ask'>,
  more: { person?: string } = {},
): Promise<Given> {
  const { asked } = await systems.offering(OFFERS)
  const system = asked.find(({ id }) => id === form.get('system'))
  const code = (form.get('code') ?? '').trim()
  const person = more.person?.slice(0, 64)
  const wrong = { problem: words('letter.wrong'), status: 404 }
  if (system === undefined || !CODE.test(code) || person === '') return wrong
  const answer = await ask({
    ...{ service: `${system.id}/${OFFERS}`, method: 'POST', path: '/v1/codes', asOneself: true },
    json: { code, ...(person !== undefined && { person }) },
  })
  if ('why' in answer) return { problem: words(`why.${answer.why}`), status: 502 }
  const offer = answer.status === 200 && isObject(answer.json) ? readOffer(answer.json) : undefined
  if (offer !== undefined) return { named: new URLSearchParams({ system: system.id, offer: offer.id }) }
  if (answer.status === 429) return { problem: words('letter.often'), status: 429 }
  return answer.status >= 500 ? { problem: words('why.failing'), status: 502 } : wrong
}
