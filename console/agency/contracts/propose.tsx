/** Proposing a contract: a new one, from a draft or by hand, or the next version of an existing one. */
import { useRef, useState } from 'preact/hooks'
import { goTo, Link, useAddress } from '../../kit/address.tsx'
import { ApiFault } from '../../kit/api.ts'
import { useConsole } from '../../kit/context.ts'
import { contractPath, currentOf } from '../../kit/contract.tsx'
import { Head, Part } from '../../kit/facts.tsx'
import type { Values } from '../../kit/field.tsx'
import { Form } from '../../kit/form.tsx'
import { useAnnounce } from '../../kit/live.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { text } from '../../kit/text.ts'
import { leave } from '../../kit/unsaved.ts'
import { useGlobalGroups, useMembers, useServices, useSubsystems } from '../pick.ts'
import { openOf, type Status, type Terms, type Version } from './contract.tsx'
import { type Counts, FIRST_CONSUMER, fieldsOf, termsAsked, termsOf } from './terms-form.ts'
import { SEVERAL, sectionsOf } from './terms-sections.tsx'

/**
 * The file that "request access" in the registry's catalogue makes: terms, and the member for which they are.
 */
type Draft = { terms: Partial<Terms>; member?: string }

const MAX_DRAFT_BYTES = 256 * 1024
/** The usual values; the proposer can change them. */
const BEGINNING: Draft = { terms: { logLevel: 'full', critical: false, outageGraceHours: 0 } }

/**
 * With what the address asks for: another address, as from the search over everything, begins another
 * proposal.
 */
export function ProposeContract() {
  const { query } = useAddress()
  return <NewContract key={query.toString()} asked={query} />
}

function NewContract({ asked }: { asked: URLSearchParams }) {
  const [draft, setDraft] = useState<Draft>(() => ({
    terms: { ...BEGINNING.terms, ...termsAsked(asked) },
  }))
  const [drafts, setDrafts] = useState(0)
  const announce = useAnnounce()
  /** Terms; the file of a draft that is read is not lost. */
  const typed = useRef(false)
  const begin = (from: Draft): void => {
    const show = (): void => {
      setDraft(from)
      setDrafts((before) => before + 1)
      announce(text('contracts.draftRead'))
    }
    if (typed.current) leave(show)
    else show()
  }
  return (
    <>
      <Head
        title={text('contracts.propose')}
        lead={text('contracts.proposeLead')}
        acts={<Link to="/contracts">{text('contracts.title')}</Link>}
      />
      <FromDraft begin={begin} />
      <Part title={text('contract.termsOfProposal')}>
        <TermsForm
          key={drafts}
          draft={draft}
          operation="proposeContract"
          params={{}}
          typed={(isTyped) => {
            typed.current = isTyped
          }}
        />
      </Part>
    </>
  )
}

export function ProposeVersion({ params }: { params: Record<string, string> }) {
  const id = params['id']!
  const versions = useAnswer<Version[]>('getContract', { params: { id } })
  return (
    <Show of={versions} page="contract.proposeVersion">
      {(data) => {
        const { content, title } = openOf(data) ?? currentOf(data)
        return (
          <>
            <Head
              title={text('contract.proposeVersion')}
              lead={<bdi>{title}</bdi>}
              acts={<Link to={contractPath(id)}>{text('contract.whole')}</Link>}
            />
            <p class="note">
              {text(openOf(data) === undefined ? 'contract.nextLead' : 'contract.otherLead')}
            </p>
            <Part title={text('contract.termsOfProposal')}>
              <TermsForm draft={{ terms: content }} operation="proposeContractVersion" params={{ id }} />
            </Part>
          </>
        )
      }}
    </Show>
  )
}

type FormProps = {
  draft: Draft
  operation: 'proposeContract' | 'proposeContractVersion'
  params: Record<string, string>
  typed?: (isTyped: boolean) => void
}

function TermsForm({ draft: { terms, member }, operation, params, typed }: FormProps) {
  const { api, changed } = useConsole()
  const announce = useAnnounce()
  const [counts, setCounts] = useState(countsOf(terms))
  const finds = {
    ...{ subsystems: useSubsystems(), groups: useGlobalGroups() },
    ...{ services: useServices(FIRST_CONSUMER), members: useMembers() },
  }
  const send = async (values: Values): Promise<void> => {
    const body = { terms: termsOf(values, terms, counts), ...(member === undefined ? {} : { member }) }
    const { data } = await api.call<Status>(operation, { params, body })
    announce(text('contracts.proposed'))
    changed()
    goTo(contractPath(data.contract))
  }
  return (
    <Form
      fields={fieldsOf(terms, counts, finds)}
      sections={sectionsOf(terms, counts, (one) => setCounts({ ...counts, [one]: counts[one] + 1 }))}
      submit={text('contracts.proposeButton')}
      send={send}
      {...(typed === undefined ? {} : { typed })}
    />
  )
}

/** As many as the terms have, and one of those that most contracts have. */
function countsOf({ consumers, services = [], secret, consent, contacts = [] }: Partial<Terms>): Counts {
  const there: Counts = {
    consumers: consumers && 'subsystems' in consumers ? consumers.subsystems.length : 0,
    services: services.length,
    visible: secret?.visibleTo.length ?? 0,
    attributes: consent?.attributes?.length ?? 0,
    contacts: contacts.length,
  }
  for (const { of, least = 1, most } of SEVERAL) there[of] = Math.max(least, Math.min(there[of], most))
  return there
}

/** Reads a file into the form; sends nothing. */
function FromDraft({ begin }: { begin(draft: Draft): void }) {
  const read = async ({ draft }: Values): Promise<void> => begin(await draftOf(draft as File))
  return (
    <Part title={text('contracts.fromDraft')}>
      <Form
        fields={[{ name: 'draft', title: 'contracts.draft', hint: 'contracts.draftHint', type: 'file' }]}
        submit={text('contracts.readDraft')}
        send={read}
      />
    </Part>
  )
}

/** Throws a fault that the form shows, when the file is no draft. */
async function draftOf(file: File): Promise<Draft> {
  const refused = new ApiFault(400, { message: text('contracts.noDraft') })
  if (file.size > MAX_DRAFT_BYTES) throw refused
  try {
    const { terms, member } = JSON.parse(await file.text()) as Partial<Draft>
    if (typeof terms !== 'object' || terms === null) throw refused
    const draft = { terms, ...(typeof member === 'string' ? { member } : {}) }
    // Throws here for terms of another form, before any of them is shown.
    const none = async () => []
    fieldsOf(terms, countsOf(terms), { subsystems: none, groups: none, services: none, members: none })
    return draft
  } catch {
    throw refused
  }
}
