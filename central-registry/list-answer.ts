/** A list's page with its total: the platform's, under the name by which this room's routes know it. */
export { listAnswer } from '#platform/http-service/list-answer.ts'
