/** The acts on a case: taking it on, and ending it with a reason. */
import { Act } from '../../kit/act.tsx'
import { useConsole } from '../../kit/context.ts'
import { text } from '../../kit/text.ts'
import { type Case, type CaseState, STATES } from './words.tsx'

export function AssignCase({ of: { id, assignee } }: { of: Case }) {
  const { api, session } = useConsole()
  return (
    <Act<Case>
      operation="assignReconciliationCase"
      button={text('cases.assign')}
      title={text('cases.assign')}
      consequence={<p>{text('cases.assignConsequence')}</p>}
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
        api.call('assignReconciliationCase', {
          params: { id: String(id) },
          body: { assignee: String(name).trim() === '' ? null : String(name).trim() },
        })
      }
      result={({ assignee: name }) => (
        <p>{name === null ? text('cases.unassigned') : text('cases.assigned', { name })}</p>
      )}
    />
  )
}

export function ChangeCase({ of: { id, state, note } }: { of: Case }) {
  const { api } = useConsole()
  const others = (Object.keys(STATES) as CaseState[]).filter((one) => one !== state)
  return (
    <Act<Case>
      operation="changeReconciliationCase"
      button={text('cases.change')}
      look="primary"
      title={text('cases.change')}
      consequence={<p>{text('cases.changeConsequence')}</p>}
      fields={[
        {
          name: 'state',
          title: 'cases.newState',
          type: 'select',
          options: others.map((value) => ({ value, title: text(STATES[value][1]) })),
        },
        {
          name: 'note',
          title: 'why.reason',
          hint: 'cases.noteHint',
          type: 'long',
          maxLength: 255,
          initial: note,
        },
      ]}
      send={({ state: to, note: why }) =>
        api.call('changeReconciliationCase', {
          params: { id: String(id) },
          body: { state: String(to), note: String(why).trim() },
        })
      }
      result={({ state: now }) => <p>{text('cases.changed', { state: text(STATES[now][1]) })}</p>}
    />
  )
}
