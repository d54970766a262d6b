/** How many suspensions one caller may leave unconfirmed in a day, and the act that sets it. */
import { Act } from '../../kit/act.tsx'
import { Facts, Part } from '../../kit/facts.tsx'
import { useAnswer } from '../../kit/load.ts'
import { Show } from '../../kit/placeholders.tsx'
import { number, text } from '../../kit/text.ts'
import type { Policy } from './page.tsx'

const MOST = 100

export function SuspensionPolicy() {
  const policy = useAnswer<Policy>('getSuspensionPolicy')
  return (
    <Show of={policy}>
      {({ perDay, mostInForce, leaveConfiguration }) => (
        <Part
          title={text('suspensions.policy')}
          acts={
            <Act
              operation="setSuspensionPolicy"
              button={text('suspensions.setPolicy')}
              title={text('suspensions.setPolicy')}
              consequence={<p>{text('suspensions.setPolicyConsequence')}</p>}
              fields={[
                {
                  name: 'perDay',
                  title: 'suspensions.perDay',
                  hint: 'suspensions.perDayHint',
                  initial: String(perDay),
                  check: (value) =>
                    /^\d{1,3}$/.test(value.trim()) && Number(value) >= 1 && Number(value) <= MOST
                      ? undefined
                      : text('suspensions.perDayWrong'),
                },
                {
                  name: 'leave',
                  title: 'suspensions.leave',
                  hint: 'suspensions.leaveHint',
                  type: 'select',
                  initial: leaveConfiguration ? 'yes' : 'no',
                  options: (['no', 'yes'] as const).map((value) => ({
                    value,
                    title: text(`common.${value}`),
                  })),
                },
              ]}
              send={({ perDay: bound, leave }, call) =>
                call('setSuspensionPolicy', {
                  body: { perDay: Number(bound), leaveConfiguration: leave === 'yes' },
                })
              }
              result={() => <p>{text('suspensions.policySet')}</p>}
            />
          }
        >
          <Facts
            of={[
              ['suspensions.perDay', number(perDay)],
              ['suspensions.mostInForce', number(mostInForce)],
              ['suspensions.leave', text(leaveConfiguration ? 'common.yes' : 'common.no')],
            ]}
          />
        </Part>
      )}
    </Show>
  )
}
