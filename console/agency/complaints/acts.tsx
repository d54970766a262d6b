/** The acts on a complaint: taking it on, answering the person, and closing it with what was found. */
import { Act } from '../../kit/act.tsx'
import { useConsole } from '../../kit/context.ts'
import { text } from '../../kit/text.ts'
import { type Complaint, FINDINGS, type Finding, findingText } from './words.tsx'

const MOST = 4000

export function AssignComplaint({ of: { number, assignee } }: { of: Complaint }) {
  const { api, session } = useConsole()
  return (
    <Act<Complaint>
      operation="assignComplaint"
      button={text('cases.assign')}
      title={text('cases.assign')}
      consequence={<p>{text('complaints.assignConsequence')}</p>}
      fields={[
        {
          name: 'assignee',
          title: 'cases.assignee',
          hint: 'cases.assigneeHint',
          required: false,
          maxLength: 255,
          initial: assignee ?? session.name,
        },
      ]}
      send={({ assignee: name }) =>
        api.call('assignComplaint', {
          params: { id: number },
          body: { assignee: String(name).trim() === '' ? null : String(name).trim() },
        })
      }
      result={({ assignee: name }) => (
        <p>{name === null ? text('cases.unassigned') : text('cases.assigned', { name })}</p>
      )}
    />
  )
}

export function AnswerComplaint({ of: { number } }: { of: Complaint }) {
  const { api } = useConsole()
  return (
    <Act<Complaint>
      operation="answerComplaint"
      button={text('complaints.answer')}
      look="primary"
      title={text('complaints.answer')}
      consequence={<p>{text('complaints.answerConsequence')}</p>}
      fields={[
        {
          name: 'text',
          title: 'complaints.text',
          hint: 'complaints.textHint',
          type: 'long',
          maxLength: MOST,
        },
      ]}
      send={({ text: words }) =>
        api.call('answerComplaint', { params: { id: number }, body: { text: String(words).trim() } })
      }
      result={() => <p>{text('complaints.answerSent')}</p>}
    />
  )
}

export function CloseComplaint({ of: { number, wantsAnswer, state } }: { of: Complaint }) {
  const { api } = useConsole()
  const needsText = wantsAnswer && state !== 'answered'
  return (
    <Act<Complaint>
      operation="closeComplaint"
      button={text('complaints.close')}
      title={text('complaints.close')}
      consequence={<p>{text('complaints.closeConsequence')}</p>}
      fields={[
        {
          name: 'finding',
          title: 'complaints.finding',
          type: 'select',
          options: (Object.keys(FINDINGS) as Finding[]).map((value) => ({
            value,
            title: findingText(value),
          })),
        },
        {
          name: 'text',
          title: 'complaints.text',
          hint: needsText ? 'complaints.textHint' : 'complaints.textIfAny',
          type: 'long',
          maxLength: MOST,
          required: needsText,
        },
      ]}
      send={({ finding, text: words }) => {
        const written = String(words).trim()
        const body = { finding: String(finding), ...(written !== '' && { text: written }) }
        return api.call('closeComplaint', { params: { id: number }, body })
      }}
      result={({ finding }) => <p>{text('complaints.isClosed', { finding: findingText(finding!) })}</p>}
    />
  )
}
