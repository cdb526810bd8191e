import { Args, Ctx, Query, Resolver } from 'type-graphql'
import {
  PolicyCheckArgs,
  PolicyDecision,
  PolicyExplainArgs,
  PolicyHolderPage,
  PolicyRule,
  PolicyWhoArgs,
} from '../../schema/identity/policy.ts'
import { allow } from '../../services/access/allow.ts'
import { policyAnswers } from '../../services/identity/policy-questions.ts'
import { policyWho } from '../../services/identity/policy-who.ts'
import type { Request } from '../request.ts'

@Resolver()
export class PolicyResolver {
  @Query(() => PolicyDecision, {
    description: 'Whether you may do something, by which rule, and why.',
  })
  async policyExplain(
    @Ctx() ctx: Request,
    @Args(() => PolicyExplainArgs) question: PolicyExplainArgs,
  ) {
    const [answer] = await policyAnswers(ctx, [question])
    return answer
  }

  @Query(() => [PolicyDecision], {
    description: 'The same for many questions at once, answered in their order.',
  })
  policyCheck(@Ctx() ctx: Request, @Args(() => PolicyCheckArgs) { checks }: PolicyCheckArgs) {
    return policyAnswers(ctx, checks)
  }

  @Query(() => PolicyHolderPage, {
    description:
      'Who may do something in a project or a domain: by roles there, on its domain or over the whole cloud. By default in the scope of your token.',
  })
  async policyWho(
    @Ctx() ctx: Request,
    @Args(() => PolicyWhoArgs) question: PolicyWhoArgs,
  ): Promise<PolicyHolderPage> {
    const { holders, hasNextPage, endCursor } = await policyWho(ctx, question)
    return {
      nodes: holders.map(({ userId, userName, ...holder }) => ({
        ...holder,
        user: { id: userId, name: userName },
      })),
      pageInfo: {
        hasNextPage,
        hasPreviousPage: Boolean(question.after),
        startCursor: null,
        endCursor,
      },
    }
  }

  @Query(() => [PolicyRule], { description: 'The access rules as they are now.' })
  policyRules(@Ctx() ctx: Request) {
    allow(ctx, 'identity.policy.explain')
    return ctx.policy.rules()
  }
}
