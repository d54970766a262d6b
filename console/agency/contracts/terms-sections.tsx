/**
 * The sections of the form of a contract. Those that most contracts do not need are folded, until their terms
 * say something.
 */
import type { Section } from '../../kit/form-section.tsx'
import { type TextKey, text } from '../../kit/text.ts'
import type { Terms } from './contract.tsx'
import type { Counts } from './terms-form.ts'

/**
 * How many there can be of what a contract may have several of, the section that has them, and the words that
 * add one.
 */
export const SEVERAL: { of: keyof Counts; least?: 0; most: number; section: string; add: TextKey }[] = [
  { of: 'consumers', most: 100, section: 'parties', add: 'contract.addConsumer' },
  { of: 'services', most: 50, section: 'service', add: 'contract.addService' },
  { of: 'visible', most: 20, section: 'secret', add: 'contract.addVisible' },
  { of: 'attributes', least: 0, most: 8, section: 'consent', add: 'contract.addAttribute' },
  { of: 'contacts', most: 20, section: 'contacts', add: 'contract.addContact' },
]

export function sectionsOf(of: Partial<Terms>, counts: Counts, add: (of: keyof Counts) => void): Section[] {
  const section = (name: string, title: TextKey, more: Partial<Section> = {}): Section => {
    const several = SEVERAL.find((one) => one.section === name)
    const after = several && <Add of={several} count={counts[several.of]} add={add} />
    return { name, title, ...(after && { after }), ...more }
  }
  const services = Array.from({ length: counts.services }, (_, at) => {
    const titled = { at: at + 1 }
    const isLast = at === counts.services - 1
    const { after } = section('service', 'contract.section.service')
    return [
      section(`service${at}`, 'contract.section.service', { titled, ...(isLast && { after }) }),
      section(`service${at}More`, 'contract.section.serviceMore', {
        ...{ titled, fold: foldOf(saysMore(of.services?.[at])) },
      }),
    ]
  })
  const { consent, critical, outageGraceHours = 0, preview, quota, secret } = of
  return [
    section('parties', 'contract.section.parties'),
    ...services.flat(),
    section('purpose', 'contract.section.purpose'),
    section('time', 'contract.section.time'),
    section('contacts', 'contract.contacts'),
    section('quota', 'contract.quota', { fold: foldOf(quota !== undefined) }),
    section('consent', 'contract.consent', { fold: foldOf(consent !== undefined) }),
    section('preview', 'contract.preview', { fold: foldOf(preview !== undefined) }),
    section('secret', 'contract.secret', { fold: foldOf(secret !== undefined) }),
    section('outage', 'contract.section.outage', { fold: foldOf(critical === true || outageGraceHours > 0) }),
  ]
}

const foldOf = (isUsed: boolean): 'open' | 'closed' => (isUsed ? 'open' : 'closed')

/** More than which endpoints may be called. */
function saysMore(service: Terms['services'][number] | undefined): boolean {
  const { requestFields, responseFields, dataSubject, representation } = service ?? {}
  return [requestFields, responseFields, dataSubject, representation].some((one) => one !== undefined)
}

type AddProps = { of: (typeof SEVERAL)[number]; count: number; add(of: keyof Counts): void }

function Add({ of: { of, most, add: words }, count, add }: AddProps) {
  return (
    <div class="acts">
      <button type="button" disabled={count >= most} onClick={() => add(of)}>
        {text(words)}
      </button>
    </div>
  )
}
