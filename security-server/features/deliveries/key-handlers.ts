/**
 * Operations on the keys that one-way messages wait under: which there are, a new one, lost ones given up.
 */
import { answer } from '#platform/http-service/answer.ts'
import type { Handlers } from '#platform/http-service/openapi.ts'
import type { DeliveryKeys } from './delivery-keys.ts'

export function deliveryKeyHandlers(deliveryKeys: DeliveryKeys): Handlers {
  return {
    getDeliveryKeys: () => deliveryKeys.list(),
    rotateDeliveryKey: async ({ body }) => {
      const { lost } = (body ?? {}) as { lost?: { ids: string[] } }
      return answer(await deliveryKeys.rotate(lost?.ids ?? []), { status: 201 })
    },
  }
}
