// The words of the shipped roles, as `millwright words audit` measures them, but with tokens counted by o200k_base.
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { auditAll, reportOf, shippedDefinitions } from '../cli/audit/report.ts';

const { audits } = await auditAll(await shippedDefinitions(), countTokens);
const findings = audits.flatMap(({ findings }) => findings);
process.stdout.write(`${reportOf(audits)}\n`);
process.exitCode = findings.length > 0 ? 1 : 0;
