/** Proposing a contract: a new one, from a draft or by hand, or the next version of an existing one. */
import { useState } from 'preact/hooks'
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
import { useMembers, useServices, useSubsystems } from '../pick.ts'
import { openOf, type Status, type Terms, type Version } from './contract.tsx'
import { type Counts, FIRST_CONSUMER, fieldsOf, termsAsked, termsOf } from './terms-form.ts'

/** The file that "request access" in the registry's catalogue makes: terms, and the member for which they are. */
type Draft = { terms: Partial<Terms>; member?: string }

const MAX_DRAFT_BYTES = 256 * 1024
const MOST_CONSUMERS = 100
const MOST_SERVICES = 50
const MOST_CONTACTS = 20
/** The usual values; the proposer can change them. */
const BEGINNING: Draft = { terms: { logLevel: 'full', critical: false, outageGraceHours: 0 } }

/** With what the address asks for: another address, as from the search over everything, begins another proposal. */
export function ProposeContract() {
  const { query } = useAddress()
  return <NewContract key={query.toString()} asked={query} />
}

function NewContract({ asked }: { asked: URLSearchParams }) {
  const [draft, setDraft] = useState<Draft>(() => ({
    terms: { ...BEGINNING.terms, ...termsAsked(asked) },
  }))
  const [drafts, setDrafts] = useState(0)
  const begin = (from: Draft): void => {
    setDraft(from)
    setDrafts(drafts + 1)
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
        <TermsForm key={drafts} draft={draft} operation="proposeContract" params={{}} />
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
}

function TermsForm({ draft: { terms, member }, operation, params }: FormProps) {
  const { api, changed, signedOut } = useConsole()
  const announce = useAnnounce()
  const [counts, setCounts] = useState(countsOf(terms))
  const finds = { subsystems: useSubsystems(), services: useServices(FIRST_CONSUMER), members: useMembers() }
  const send = async (values: Values): Promise<void> => {
    const body = { terms: termsOf(values, terms, counts), ...(member === undefined ? {} : { member }) }
    try {
      const { data } = await api.call<Status>(operation, { params, body })
      announce(text('contracts.proposed'))
      changed()
      goTo(contractPath(data.contract))
    } catch (cause) {
      if (cause instanceof ApiFault && cause.status === 401) return signedOut()
      throw cause
    }
  }
  return (
    <Form fields={fieldsOf(terms, counts, finds)} submit={text('contracts.proposeButton')} send={send}>
      <div class="acts">
        <button
          type="button"
          disabled={counts.consumers >= MOST_CONSUMERS}
          onClick={() => setCounts({ ...counts, consumers: counts.consumers + 1 })}
        >
          {text('contract.addConsumer')}
        </button>
        <button
          type="button"
          disabled={counts.services >= MOST_SERVICES}
          onClick={() => setCounts({ ...counts, services: counts.services + 1 })}
        >
          {text('contract.addService')}
        </button>
        <button
          type="button"
          disabled={counts.contacts >= MOST_CONTACTS}
          onClick={() => setCounts({ ...counts, contacts: counts.contacts + 1 })}
        >
          {text('contract.addContact')}
        </button>
      </div>
    </Form>
  )
}

function countsOf({ consumers, services = [], contacts = [] }: Partial<Terms>): Counts {
  const named = consumers && 'subsystems' in consumers ? consumers.subsystems.length : 0
  return {
    consumers: Math.max(1, Math.min(named, MOST_CONSUMERS)),
    services: Math.max(1, Math.min(services.length, MOST_SERVICES)),
    contacts: Math.max(1, Math.min(contacts.length, MOST_CONTACTS)),
  }
}

/** Reads a file into the form; sends nothing. */
function FromDraft({ begin }: { begin(draft: Draft): void }) {
  const announce = useAnnounce()
  const read = async ({ draft }: Values): Promise<void> => {
    begin(await draftOf(draft as File))
    announce(text('contracts.draftRead'))
  }
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
    fieldsOf(terms, countsOf(terms), { subsystems: none, services: none, members: none })
    return draft
  } catch {
    throw refused
  }
}
