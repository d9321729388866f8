export {
  type ScriptedModel as ModelStub,
  startScriptedModel as startModelStub,
} from '../../hosts/scripted/model.ts';
