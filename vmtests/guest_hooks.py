def hooks(rig, report):
    pass
