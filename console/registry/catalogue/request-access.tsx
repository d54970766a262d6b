/**
 * Requesting access: a form makes the terms of a contract, as a file for the consumer's own security server.
 */
import { Act } from '../../kit/act.tsx'
import { Copyable } from '../../kit/copyable.tsx'
import { save } from '../../kit/save.ts'
import { text } from '../../kit/text.ts'
import { useSubsystems } from '../pick.ts'

type Draft = { terms: { title: string }; member: string }

const FILE = 'contract-terms.json'
const COMMAND = `concordat server propose-contract --body ${FILE}`

export function RequestAccess({ service }: { service: string }) {
  const subsystems = useSubsystems()
  return (
    <Act<Draft>
      operation="draftContractTerms"
      shows
      button={text('catalogue.request')}
      look="primary"
      reads
      title={text('catalogue.request')}
      consequence={<p>{text('catalogue.requestConsequence')}</p>}
      fields={[
        {
          ...{ name: 'client', title: 'catalogue.client', hint: 'call.pickHint' },
          ...{ type: 'pick', find: subsystems, maxLength: 1100 },
        },
        { name: 'purpose', title: 'catalogue.purpose', type: 'long', maxLength: 2000 },
        { name: 'legalBasis', title: 'catalogue.legalBasis', type: 'long', maxLength: 2000 },
        {
          ...{ name: 'personalData', title: 'catalogue.personalData', type: 'select' },
          options: [
            { value: 'yes', title: text('common.yes') },
            { value: 'no', title: text('common.no') },
          ],
        },
        { name: 'contactName', title: 'catalogue.contactName', maxLength: 255 },
        { name: 'contactEmail', title: 'catalogue.contactEmail', maxLength: 254 },
      ]}
      send={async ({ personalData, ...more }, call) => {
        const body = { ...more, personalData: personalData === 'yes' }
        const answer = await call<Draft>('draftContractTerms', { params: { id: service }, body })
        save(new File([JSON.stringify(answer.data, null, 2)], FILE, { type: 'application/json' }))
        return answer
      }}
      result={({ member }) => (
        <>
          <p>{text('catalogue.drafted', { file: FILE })}</p>
          <ol>
            <li>{text('catalogue.step1', { member })}</li>
            <li>
              {text('catalogue.step2')} <Copyable value={COMMAND} label={text('catalogue.command')} />
            </li>
            <li>{text('catalogue.step3')}</li>
          </ol>
        </>
      )}
    />
  )
}
