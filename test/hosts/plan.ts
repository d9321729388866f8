export * from '../../hosts/scripted/plan.ts';
