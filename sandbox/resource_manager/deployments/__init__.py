"""Deployments of templates: what `az deployment` and `az ts` ask Azure Resource Manager for.

language                                     the language of templates (a folder of its own; pure)
context, ids                                 what a template's expressions may ask for
parameters, resources, graph, template       a template and its parameters become resources in an order; pure
records, preparation, preflight, what_if     what can be known of a deployment before anything is made
reading, runner                              making the resources, through the sandbox's own services
service, template_specs                      what is asked for by HTTP
"""
